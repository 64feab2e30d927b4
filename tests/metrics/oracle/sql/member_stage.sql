SELECT m.id AS member, stage AS lifecycle_stage
FROM asked, known_members m
LEFT JOIN stages ON member_id = m.id AND on_day = (SELECT day FROM asked)

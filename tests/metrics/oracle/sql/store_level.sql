, newest_areas AS (
    SELECT DISTINCT ON (v.area_id) v.*
    FROM area_versions v, asked
    WHERE v.site_id = site AND v.business_date <= day
    ORDER BY v.area_id, v.business_date DESC, v.id DESC
), figures AS (
    SELECT (SELECT coalesce(sum(gross), 0) FROM live_bills WHERE business_date > day - 90) AS gmv,
           (SELECT sum(tables) FROM newest_areas WHERE NOT is_virtual) AS tables,
           (SELECT count(*)
            FROM generate_series(greatest(day - 89, first_business_date), day,
                                 interval '1 day') d
            WHERE NOT EXISTS (SELECT FROM site_closures c
                              WHERE c.site_id = site AND c.business_date = d::date)) AS open_days
    FROM asked JOIN site_ingest ON site_id = site
), per_table_and_day AS (
    SELECT gmv / nullif(tables * open_days, 0) AS yuan FROM figures
)
SELECT CASE WHEN yuan >= %(store_level_s)s THEN 'S'
            WHEN yuan >= %(store_level_a)s THEN 'A'
            WHEN yuan >= %(store_level_b)s THEN 'B'
            WHEN yuan IS NOT NULL THEN 'C' END AS store_level
FROM per_table_and_day

-- What somebody asked at a later date shows no more than a later bill.
SELECT zqyy_protect('chat_questions', 'business_date');

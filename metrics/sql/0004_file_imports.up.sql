-- At a past date the imports of later days are not there.
SELECT zqyy_protect('file_imports', 'business_date');
SELECT zqyy_link('file_imports', 'batch_id', 'ingest_batches');

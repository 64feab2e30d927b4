ALTER TABLE file_imports DROP CONSTRAINT file_imports_batch_id_same_site;
DROP POLICY in_context ON file_imports;
ALTER TABLE file_imports DISABLE ROW LEVEL SECURITY;

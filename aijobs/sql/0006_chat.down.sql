DROP POLICY in_context ON chat_questions;
ALTER TABLE chat_questions DISABLE ROW LEVEL SECURITY;

-- What a run was asked is read from its prompt's version: that never changes.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON prompts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- References stay within one store.
SELECT zqyy_link('retention_clues', 'superseded_by_id', 'runs');

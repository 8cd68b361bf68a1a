"""Files: what is in them (schema), where they lie (run_folder), and how they are written."""

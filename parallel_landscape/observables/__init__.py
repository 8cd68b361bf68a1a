"""What production records of a walker besides its energy: one file a kind, `catalogue.KINDS` by their names in a job."""

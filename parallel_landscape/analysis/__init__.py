"""What recorded data say. Imports the schema and errors only, never a sampler."""

"""What stands behind the commands that neither sample nor submit."""

"""How one walker moves: templates of compiled loops."""

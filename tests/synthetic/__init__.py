"""Folders made by hand, in the form that runs write them: for tests of what reads them."""

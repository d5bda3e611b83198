"""Being here, it puts this folder on the import path: processes.py is for every test that starts some."""

"""The only code of ml/ that reads files: folder finds and loads them, letters parses their bytes."""

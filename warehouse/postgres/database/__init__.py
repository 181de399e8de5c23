"""The server, connections, migrations, rights, dumps."""

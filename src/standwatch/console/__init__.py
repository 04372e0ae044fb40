"""The console: pages, their JSON twins and their forms, over the same operations as the API and the CLI."""

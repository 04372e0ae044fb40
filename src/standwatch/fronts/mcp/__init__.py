"""MCP as an enforcing proxy: both revisions at `/mcp/{system}`, every act through the gate."""

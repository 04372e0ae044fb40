"""AgentDojo through a real Standwatch: what a hijacked agent can still do, and what that costs everybody else."""

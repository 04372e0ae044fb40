"""Command lines: abuses passed silently, everyday ones asked about, and what reading one costs."""

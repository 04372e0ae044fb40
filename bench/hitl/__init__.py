"""A framework's own tests of its human in the loop, with our adapter around its tools."""

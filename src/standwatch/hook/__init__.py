"""What a coding agent's host starts before and after each of its calls. Standard library only, and little of it: it
runs in a process of its own for every call, in the host's environment, where nothing of the house need be installed.

`run` is the program; `client.pl` asks the resident `helper` where one listens, which does the same work faster.
"""

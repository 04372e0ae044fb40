"""What an argument would do where it is carried out: command lines, SQL, addresses of the network, paths, recipients.

Small recognisers of destructive, revealing or far-reaching idioms, for arguments that a manifest says are read so
(`reads_as:`). Each is a pure function from text to the reason why a person should look, or "". What cannot be read is
a reason too. They know common tools and forms of writing; they do not prove that anything is harmless.
"""

"""Public incidents replayed as scripted runs through the real seams: what is harmful is stopped or asked about, the
rest goes on untouched. What each says of what happened is public; its acts are scripted by us after it."""

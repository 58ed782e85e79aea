"""Outlines drawn by a person with a box or a few clicks."""

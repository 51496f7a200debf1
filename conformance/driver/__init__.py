"""Drives applications, middleware and callable servers in this process: no socket, no wait."""

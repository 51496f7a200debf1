"""The harness: starts servers, plays probes on them, and turns what was seen into verdicts."""

"""Plan, journal, engine, receipt, and the worker process: from a survey to proof that everything is stored."""

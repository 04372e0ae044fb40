"""The real model servers, once a session for every file here."""

from __future__ import annotations

from support.model_servers import mlflow_servers, mlserver, trained

__all__ = ["mlflow_servers", "mlserver", "trained"]

"""Work that is done beside the dialogs: the Celery app, its clock, its jobs."""

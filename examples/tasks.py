"""The application of celery.ini and celery-beat.ini."""

from celery import Celery

app = Celery("tasks", broker="memory://")
app.conf.beat_schedule = {"every-ten-seconds": {"task": "tasks.add", "schedule": 10.0, "args": (1, 2)}}


@app.task
def add(left, right):
    return left + right

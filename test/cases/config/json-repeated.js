{"uwsgi": {"env": "A=1", "env": "B=2"}}

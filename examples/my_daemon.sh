#!/bin/sh
# The daemon of attach-daemon2.ini: writes its pidfile, works in the foreground, stops on QUIT.
trap 'rm -f /tmp/my.pid; exit 0' QUIT
echo $$ > /tmp/my.pid
while :; do
  sleep 1 &
  wait $!
done

# A lease whose time is over is kept for its client: it is given the address again, others only when there is no other.
config
{ "expired-leases-processing": { "reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0, "hold-reclaimed-time": 3600 },
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.101" }] }] }
end
client a host='name-a'
a discover -> offer 192.0.2.100
a select -> ack
end-lease a
command {"command": "leases-reclaim", "arguments": {"remove": false}}
b discover -> offer 192.0.2.101
b select -> ack
# Its own again.
a discover -> offer 192.0.2.100
a select -> ack
end-lease a
command {"command": "leases-reclaim", "arguments": {"remove": false}}
a reboot -> ack 192.0.2.100
end-lease a
command {"command": "leases-reclaim", "arguments": {"remove": false}}
# None else is left for the next one.
c discover -> offer 192.0.2.100
c select -> ack
a discover -> nothing

# The class DROP.
config
{ "client-classes": [{ "name": "bad", "test": "option[60].hex == 'bad'" }, { "name": "DROP", "test": "member('bad') or member('UNKNOWN') and option[77].exists" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover class='bad' -> nothing
a discover -> offer
a select class='bad' -> nothing
a select -> ack
a renew opt77=01 -> nothing
a inform class='bad' -> nothing
a release class='bad' -> nothing
a reboot -> nothing

# A lease that was renewed lately is told again as it is; a wish for another name or lifetime begins it anew.
config
{ "cache-threshold": 0.5, "cache-max-age": 600, "valid-lifetime": 4000,
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a host='a-name'
a discover -> offer
a select -> ack
a renew -> ack
a rebind -> ack
a reboot -> ack
a select requested=bound -> ack
a renew host='other' -> ack

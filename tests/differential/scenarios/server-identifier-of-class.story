# A class's server identifier is the server's for who is in the class.
config
{ "client-classes": [
    { "name": "named", "test": "option[12].exists", "option-data": [{ "name": "dhcp-server-identifier", "data": "192.0.2.33" }] }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover host='a' -> offer 192.0.2.100 54=c0000221
a select -> nothing
a select host='a' -> ack 192.0.2.100 54=c0000221
a request host='a' requested=192.0.2.100 server=192.0.2.1 -> ack

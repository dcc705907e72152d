# Class tests over options 124 and 125.
config
{ "client-classes": [
  { "name": "exists", "test": "vendor[339].exists", "option-data": [{ "name": "log-servers", "data": "192.0.2.1", "always-send": true }] },
  { "name": "any", "test": "vendor[*].exists", "option-data": [{ "name": "time-servers", "data": "192.0.2.2", "always-send": true }] },
  { "name": "enterprise", "test": "vendor.enterprise == 0x00000153", "option-data": [{ "name": "ntp-servers", "data": "192.0.2.3", "always-send": true }] },
  { "name": "sub", "test": "vendor[339].option[1].hex == 'x'", "option-data": [{ "name": "irc-server", "data": "192.0.2.4", "always-send": true }] },
  { "name": "class", "test": "vendor-class[339].exists", "option-data": [{ "name": "finger-server", "data": "192.0.2.5", "always-send": true }] },
  { "name": "data", "test": "vendor-class[339].data == 'y'", "option-data": [{ "name": "www-server", "data": "192.0.2.6", "always-send": true }] },
  { "name": "second", "test": "vendor-class[339].data[1] == 'z'", "option-data": [{ "name": "nntp-server", "data": "192.0.2.7", "always-send": true }] }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover opt125=000001530301017f -> offer 7=c0000201 4=c0000202 42=c0000203
b discover opt125=0000015303010178 -> offer 7=c0000201 74=c0000204
c discover opt125=0000000903010178 -> offer 4=c0000202
d discover opt124=000001530179 -> offer 73=c0000205 72=c0000206
e discover opt124=00000153017900000153017a -> offer 72=c0000206 71=c0000207
f discover opt124=000000090179 -> offer
g discover -> offer

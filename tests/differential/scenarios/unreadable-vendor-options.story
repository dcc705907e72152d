# What comes after an option 125 that cannot be read, or after an option that is cut off, is not looked at.
config
{ "client-classes": [{ "name": "x", "test": "option[60].hex == 'x'", "option-data": [{ "name": "log-servers", "data": "192.0.2.9", "always-send": true }] }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover opt125=0000015300 opt60='x' -> offer 7=c0000209
b discover opt60='x' opt125=000001 -> offer 7=c0000209
c discover opt125=000001 opt60='x' -> offer 7=
d discover opt125=0000015305 opt60='x' -> offer 7=
e discover opt125=00000153030102 opt60='x' -> offer 7=
f discover opt125=0000015303020201 opt60='x' -> offer 7=
g discover opt60='x' tail=0c09 -> offer 7=c0000209
h discover tail=0c093c0178ff -> offer 7=

# Options in the fields file and sname of a query (option 52).
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover opt52=01 file=0c0141ff -> offer
b discover opt52=02 sname=0c0142ff -> offer
c discover opt52=03 file=0c0143ff sname=ff -> offer

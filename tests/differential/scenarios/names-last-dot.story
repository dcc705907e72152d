# A name that ends with a dot is whole: no suffix is added.
config
{ "ddns-qualifying-suffix": "a.test", "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover host='whole.' -> offer 192.0.2.100 12=77686f6c65
b discover host='part' -> offer 192.0.2.101 12=706172742e612e74657374
c discover host='two.labels.' -> offer 192.0.2.102 12=74776f2e6c6162656c732e

"""What lies outside of a cell, and the kernel between."""

# ruff: noqa: E501 - programs in one line are read more easily here

from __future__ import annotations

from integration.hostile.casebook import OK, case, refused, refused_call

# --- filesystem
for place in ("/", "/usr", "/etc", "/usr/local/lib", "/dev", "/proc", "/sys", "/home", "/run", "/var"):
    refused(f"filesystem: a file in {place}", f"open('{place}/x', 'w')")
refused("filesystem: the interpreter overwritten", "import sys\nopen(sys.executable, 'r+b')")
refused("filesystem: the password file", "open('/etc/passwd', 'a')")
refused("filesystem: the shadow file", "open('/etc/shadow')")
refused(
    "filesystem: the daemon's socket",
    "import socket\nsocket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
)
refused("filesystem: root's home", "import os\nos.listdir('/root')")
refused(
    "filesystem: a device node", "import os, stat\nos.mknod('/tmp/d', 0o600 | stat.S_IFBLK, os.makedev(8, 0))"
)
refused("filesystem: the disk", "open('/dev/sda', 'rb')")
refused("filesystem: kernel memory", "open('/dev/mem', 'rb')")
refused("filesystem: /proc/sysrq-trigger", "open('/proc/sysrq-trigger', 'w')")
refused("filesystem: core_pattern", "open('/proc/sys/kernel/core_pattern', 'w')")
refused(
    "filesystem: the cell's cgroup",
    "import glob\nopen((glob.glob('/sys/fs/cgroup/memory/memory.limit_in_bytes') + ['/sys/fs/cgroup/memory.max'])[0], 'w')",
)
refused(
    "filesystem: a binary of its own",
    "import os, shutil, sys\nshutil.copy(os.path.realpath(sys.executable), '/tmp/p')\nos.chmod('/tmp/p', 0o755)\nimport subprocess\nsubprocess.run(['/tmp/p'])",
)
refused("filesystem: chroot", "import os\nos.chroot('/tmp')")
refused("filesystem: too many files", "for i in range(10**5): open(f'/tmp/{i}', 'w').close()")
refused("filesystem: too many open files", "x = [open('/dev/null') for _ in range(10**4)]")
case(
    "filesystem: a file for the next call",
    "open('/tmp/left', 'w').write('x')\nopen('/dev/shm/left', 'w').write('x')\nans = 1",
    OK,
    ans=1,
)
case(
    "filesystem: directories without rights",
    "import os\nos.makedirs('/tmp/a/b/c')\nopen('/tmp/a/b/c/f', 'w')\nos.chmod('/tmp/a/b', 0)\nos.chmod('/tmp/a', 0)\nans = 1",
    OK,
    ans=1,
)
case(
    "filesystem: very deep directories",
    "import os\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')\nans = 1",
    OK,
    ans=1,
)
case(
    "filesystem: links out of the scratch",
    "import os\nos.symlink('/usr/local/lib', '/tmp/l')\nos.symlink('/tmp/l', '/tmp/m')\nos.symlink('x' * 4000, '/tmp/n')\nans = 1",
    OK,
    ans=1,
)
case(
    "filesystem: odd names",
    "import os\nfor n in (b'\\xff', b'\\n', b'-rf', b'x' * 255, '\\u202e'.encode()): open(b'/tmp/' + n, 'w')\nans = 1",
    OK,
    ans=1,
)
case(
    "filesystem: a message queue left",
    "import os\ntry: os.mknod('/dev/mqueue/x')\nexcept OSError: pass\nans = 1",
    OK,
    ans=1,
)
case(
    "filesystem: the scratch replaced",
    "import os\ntry: os.rename('/tmp', '/tmp2')\nexcept OSError: ans = 'refused'",
    OK,
    ans="refused",
)
case(
    "filesystem: a sparse giant",
    "try:\n    f = open('/tmp/s', 'w')\n    f.truncate(1 << 40)\n    ans = 'ok'\nexcept OSError: ans = 'ok'",
    OK,
    ans="ok",
)
case(
    "filesystem: a lock on the library",
    "import fcntl, os\nf = open(os.__file__)\nfcntl.flock(f, fcntl.LOCK_EX)\nans = 1",
    OK,
    ans=1,
)

# --- network
refused("network: TCP", "import socket\nsocket.create_connection(('1.1.1.1', 80), 1)")
refused(
    "network: UDP",
    "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))",
)
refused("network: IPv6", "import socket\nsocket.socket(socket.AF_INET6)")
refused("network: DNS", "import socket\nsocket.getaddrinfo('example.com', 80)")
refused("network: raw", "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)")
refused("network: packets", "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)")
refused("network: VSOCK", "import socket\nsocket.socket(40, socket.SOCK_STREAM)")
refused("network: ALG", "import socket\nsocket.socket(38, socket.SOCK_SEQPACKET)")
refused("network: netlink", "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW)")
refused(
    "network: an abstract socket of the host",
    "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0/containerd-shim/x')",
)
refused("network: bluetooth", "import socket\nsocket.socket(31, socket.SOCK_RAW)")
refused("network: http", "import urllib.request\nurllib.request.urlopen('http://example.com', timeout=1)")
case(
    "network: a socket pair within is fine",
    "import socket\na, b = socket.socketpair()\na.send(b'x')\nans = b.recv(1)",
    OK,
    ans=b"x",
)
case("network: asyncio works", "import asyncio\nasync def f(): return 5\nans = asyncio.run(f())", OK, ans=5)

# --- kernel surface
refused_call("kernel: unshare", 272, "0x10000000")
refused_call("kernel: clone into a new user namespace", 56, "0x10000011", 0, 0, 0, 0)
refused_call("kernel: setns", 308, 0, 0)
refused_call("kernel: ptrace", 101, 0, 0, 0, 0)
refused_call("kernel: process_vm_readv", 310, 1, 0, 0, 0, 0, 0)
refused_call("kernel: bpf", 321, 0, 0, 0)
refused_call("kernel: keyctl", 250, 0, 0, 0, 0)
refused_call("kernel: add_key", 248, 0, 0, 0, 0, 0)
refused_call("kernel: io_uring_setup", 425, 1, 0)
refused_call("kernel: userfaultfd", 323, 0)
refused_call("kernel: perf_event_open", 298, 0, 0, 0, 0, 0)
refused_call("kernel: mount", 165, 0, 0, 0, 0, 0)
refused_call("kernel: umount2", 166, 0, 0)
refused_call("kernel: pivot_root", 155, 0, 0)
refused_call("kernel: open_by_handle_at", 304, 0, 0, 0)
refused_call("kernel: name_to_handle_at", 303, 0, 0, 0, 0, 0)
refused_call("kernel: init_module", 175, 0, 0, 0)
refused_call("kernel: kexec_load", 246, 0, 0, 0, 0)
refused_call("kernel: reboot", 169, 0, 0, 0, 0)
refused_call("kernel: swapon", 167, 0, 0)
refused_call("kernel: settimeofday", 164, 0, 0)
refused_call("kernel: sethostname", 170, 0, 0)
refused_call("kernel: shmget", 29, 0, 4096, "0o1600")
refused_call("kernel: semget", 64, 0, 1, "0o1600")
refused_call("kernel: msgget", 68, 0, "0o1600")
refused_call("kernel: mq_open", 240, "b'/x'", "0o102", "0o600", 0)
refused_call("kernel: move_pages", 279, 1, 0, 0, 0, 0, 0)
refused_call("kernel: kcmp", 312, 1, 1, 0, 0, 0)
refused_call("kernel: personality", 135, "0x0040000")
refused_call("kernel: fanotify_init", 300, 0, 0)
refused_call("kernel: pidfd_getfd", 438, 3, 0, 0)
refused_call("kernel: landlock", 444, 0, 0, 0)
refused_call("kernel: quotactl", 179, 0, 0, 0, 0)
refused_call("kernel: iopl", 172, 3)

# --- environment
case(
    "environment: nothing of the host's",
    "import os\nans = sorted(set(os.environ) - {'PATH', 'HOME', 'LANG', 'TZ', 'PYTHONHASHSEED', 'LD_BIND_NOW'} - {n for n in os.environ if n.endswith('_THREADS')})",
    OK,
    ans=[],
)
case(
    "environment: the host's name",
    "import socket, os\nans = [socket.gethostname(), os.uname().nodename]",
    OK,
    ans=["cell", "cell"],
)
case(
    "environment: nobody",
    "import os\nans = [os.getuid(), os.getgid(), set(os.getgroups()) - {65534}]",
    OK,
    ans=[65534, 65534, set()],
)
case(
    "environment: no capability",
    "ans = [l.split()[1] for l in open('/proc/self/status') if l.startswith(('CapPrm', 'CapEff', 'CapBnd', 'CapAmb'))]",
    OK,
    ans=["0" * 16] * 4,
)
case(
    "environment: no new privileges, and a filter",
    "ans = [l.split()[1] for l in open('/proc/self/status') if l.startswith(('NoNewPrivs', 'Seccomp:'))]",
    OK,
    ans=["1", "2"],
)
case(
    "environment: only its own processes",
    "import os\nans = sorted(int(p) == 1 or int(p) == os.getpid() for p in os.listdir('/proc') if p.isdigit())",
    OK,
    ans=[True, True],
)
case(
    "environment: only loopback, if that",
    "import os\nans = [i for i in os.listdir('/sys/class/net') if i != 'lo']",
    OK,
    ans=[],
)
case(
    "environment: hash seed, zone and locale",
    "import time, locale, sys\nans = [hash('latm'), time.timezone, sys.getfilesystemencoding()]\nans = ans[1:]",
    OK,
    ans=[0, "utf-8"],
)
case(
    "environment: nothing of latm can be imported",
    "ans = []\nfor n in ('latm', 'latm_sandbox', 'latm_sandbox.guest', 'guest', 'docker'):\n    try: __import__(n)\n    except ImportError: ans.append(n)",
    OK,
    ans=["latm", "latm_sandbox", "latm_sandbox.guest", "guest", "docker"],
)
case("environment: no command line of the host's", "ans = len(__import__('sys').argv)", OK, ans=1)

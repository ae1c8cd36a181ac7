"""The system calls of Linux 6.17 that the profile refuses: name, number on x86-64, number on arm64."""

from __future__ import annotations

_TABLE = """
_sysctl:156:- acct:163:89 add_key:248:217 adjtimex:159:171 afs_syscall:183:- bpf:321:280
cachestat:451:451 chroot:161:51 clock_adjtime:305:266 clock_settime:227:112 create_module:174:-
delete_module:176:106 epoll_ctl_old:214:- epoll_wait_old:215:- fanotify_init:300:262
fanotify_mark:301:263 file_getattr:468:468 file_setattr:469:469 finit_module:313:273 fremovexattr:199:16
fsconfig:431:431 fsetxattr:190:7 fsmount:432:432 fsopen:430:430 fspick:433:433 futex_requeue:456:456
futex_wait:455:455 futex_waitv:449:449 futex_wake:454:454 get_kernel_syms:177:- get_mempolicy:239:236
getpmsg:181:- getxattrat:464:464 init_module:175:105 io_cancel:210:3 io_destroy:207:1 io_getevents:208:4
io_pgetevents:333:292 io_setup:206:0 io_submit:209:2 io_uring_enter:426:426 io_uring_register:427:427
io_uring_setup:425:425 ioperm:173:- iopl:172:- ioprio_get:252:31 ioprio_set:251:30 kcmp:312:272
kexec_file_load:320:294 kexec_load:246:104 keyctl:250:219 landlock_add_rule:445:445
landlock_create_ruleset:444:444 landlock_restrict_self:446:446 listmount:458:458 listxattrat:465:465
lookup_dcookie:212:18 lremovexattr:198:15 lsetxattr:189:6 lsm_get_self_attr:459:459
lsm_list_modules:461:461 lsm_set_self_attr:460:460 map_shadow_stack:453:453 mbind:237:235
memfd_secret:447:447 migrate_pages:256:238 mknod:133:- mknodat:259:33 modify_ldt:154:- mount:165:40
mount_setattr:442:442 move_mount:429:429 move_pages:279:239 mq_getsetattr:245:185 mq_notify:244:184
mq_open:240:180 mq_timedreceive:243:183 mq_timedsend:242:182 mq_unlink:241:181 mseal:462:462
msgctl:71:187 msgget:68:186 msgrcv:70:188 msgsnd:69:189 name_to_handle_at:303:264 nfsservctl:180:42
open_by_handle_at:304:265 open_tree:428:428 open_tree_attr:467:467 perf_event_open:298:241
pidfd_getfd:438:438 pivot_root:155:41 pkey_alloc:330:289 pkey_free:331:290 pkey_mprotect:329:288
process_madvise:440:440 process_mrelease:448:448 process_vm_readv:310:270 process_vm_writev:311:271
ptrace:101:117 putpmsg:182:- query_module:178:- quotactl:179:60 quotactl_fd:443:443 reboot:169:142
remap_file_pages:216:234 removexattr:197:14 removexattrat:466:466 request_key:249:218
sched_setaffinity:203:122 sched_setattr:314:274 sched_setparam:142:118 sched_setscheduler:144:119
seccomp:317:277 security:185:- semctl:66:191 semget:64:190 semop:65:193 semtimedop:220:192
set_mempolicy:238:237 set_mempolicy_home_node:450:450 setdomainname:171:162 setfsgid:123:152
setfsuid:122:151 sethostname:170:161 setns:308:268 setpriority:141:140 settimeofday:164:170
setxattr:188:5 setxattrat:463:463 shmat:30:196 shmctl:31:195 shmdt:67:197 shmget:29:194 signalfd:282:-
signalfd4:289:74 statmount:457:457 swapoff:168:225 swapon:167:224 sync:162:81 syncfs:306:267 sysfs:139:-
syslog:103:116 tuxcall:184:- umount2:166:39 unshare:272:97 uselib:134:- userfaultfd:323:282 ustat:136:-
vhangup:153:58 vserver:236:-
"""


def _number(text: str) -> int | None:
    return None if text == "-" else int(text)


def _read(column: int) -> dict[str, int | None]:
    rows = [entry.split(":") for entry in _TABLE.split()]
    return {row[0]: _number(row[column]) for row in rows}


X86_64, AARCH64 = _read(1), _read(2)

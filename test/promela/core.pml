/*
 * The core protocol, written by hand a second time: what each side says of each frame, one VM, two
 * frames, one guest, one host that moves pages out, and a reboot.
 *
 * Every operation is one step here: between them no call is under way. The checker looks at all
 * interleavings of the calls inside; whatever order they come in, what is left at rest must be one
 * of these states, and each of these must be left by some order.
 */
#define HV_NORMAL 0
#define HV_SHARED 1
#define HV_PAGED_OUT 2
#define HV_SECURE 3
#define UV_SECURE 0
#define UV_PAGEDOUT 1
#define UV_SHARED 2
#define UV_SHARED_INV 3

/* 1: the VM is secure on both sides. */
bit secure = 0;
byte hv[2] = HV_NORMAL;
byte uv[2] = UV_SECURE;
/* Device pages in use. */
byte used = 0;

active proctype world() {
  byte i;
  do
  /* UV_ESM: frame 0 comes in by hypercall, frame 1 in H_SVM_INIT_DONE. */
  :: d_step { (secure == 0) ->
       secure = 1; hv[0] = HV_SECURE; hv[1] = HV_SECURE; uv[0] = UV_SECURE; uv[1] = UV_SECURE;
       used = 2; i = 0 }
#ifdef EARLY
  /* The same, and the host pages frame 0 out before H_SVM_INIT_DONE. */
  :: d_step { (secure == 0) ->
       secure = 1; hv[0] = HV_PAGED_OUT; hv[1] = HV_SECURE; uv[0] = UV_PAGEDOUT; uv[1] = UV_SECURE;
       used = 1; i = 0 }
#endif
#define STEPS(n) \
  :: d_step { (hv[n] == HV_SECURE) -> \
       hv[n] = HV_PAGED_OUT; uv[n] = UV_PAGEDOUT; used = used - 1; i = 0 } \
  :: d_step { (secure && uv[n] == UV_PAGEDOUT && used < POOL) -> \
       hv[n] = HV_SECURE; uv[n] = UV_SECURE; used = used + 1; i = 0 } \
  :: d_step { (secure && uv[n] == UV_SECURE) -> \
       hv[n] = HV_SHARED; uv[n] = UV_SHARED; used = used - 1; i = 0 } \
  :: d_step { (secure && uv[n] == UV_PAGEDOUT && used < POOL) -> \
       hv[n] = HV_SHARED; uv[n] = UV_SHARED; i = 0 } \
  :: d_step { (secure && uv[n] >= UV_SHARED && used < POOL) -> \
       hv[n] = HV_SECURE; uv[n] = UV_SECURE; used = used + 1; i = 0 }
  STEPS(0)
  STEPS(1)
#ifdef RECLAIM
#define RECLAIMS(n) \
  :: d_step { (uv[n] == UV_SHARED) -> uv[n] = UV_SHARED_INV; i = 0 } \
  :: d_step { (uv[n] == UV_SHARED_INV) -> uv[n] = UV_SHARED; i = 0 }
  RECLAIMS(0)
  RECLAIMS(1)
#endif
#ifdef RESET
  :: d_step { (secure) ->
       secure = 0; hv[0] = HV_NORMAL; hv[1] = HV_NORMAL; uv[0] = UV_SECURE; uv[1] = UV_SECURE;
       used = 0; i = 0 }
#endif
  od
}

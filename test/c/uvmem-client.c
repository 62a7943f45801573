/*
 * An ultravisor in C: speaks uvmem.v1.bin, as schemas/binary.md describes it, over a WebSocket of its
 * own making (RFC 6455). C11 and POSIX sockets, nothing else.
 *
 *   uvmem-client HOST PORT LPID
 *
 * Opens a session, adds a memory slot of 1 MiB at 4 GiB, turns the guest secure, pages in the page
 * at 64 KiB, and ends. Prints one line for each call that it makes or serves. Exit code 0: every
 * call was answered and the connection was closed in order.
 */
#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CALL = 1, ANSWER = 2, ERROR = 3 };
enum { NONE = 0, TAG = 1, PAGE = 2, BYTES = 3 };
enum {
  H_SVM_PAGE_IN = 0xef00,
  H_SVM_INIT_START = 0xef08,
  H_SVM_INIT_DONE = 0xef0c,
  UV_REGISTER_MEM_SLOT = 0xf120,
  UV_PAGE_IN = 0xf128,
  SESSION_OPEN = 0x10004
};
enum { HEADER_BYTES = 16, CALL_BYTES = 56, ANSWER_BYTES = 32, ERROR_BYTES = 24 };
enum { PAGE_BYTES = 65536, MESSAGE_MAX = 4194304 };

static int fd;
static uint32_t next_id = 1;

static void die(const char *why) {
  fprintf(stderr, "uvmem-client: %s\n", why);
  exit(1);
}

/* --- Little-endian numbers --- */

static uint64_t get(const uint8_t *at, int bytes) {
  uint64_t value = 0;
  for (int i = bytes - 1; i >= 0; i--) value = value << 8 | at[i];
  return value;
}

static void put(uint8_t *at, int bytes, uint64_t value) {
  for (int i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static size_t padded(size_t bytes) { return (bytes + 7) / 8 * 8; }

/* --- The socket --- */

static void write_all(const uint8_t *from, size_t bytes) {
  while (bytes > 0) {
    ssize_t done = write(fd, from, bytes);
    if (done <= 0) die("cannot write");
    from += done;
    bytes -= (size_t)done;
  }
}

static void read_all(uint8_t *to, size_t bytes) {
  while (bytes > 0) {
    ssize_t done = read(fd, to, bytes);
    if (done <= 0) die("the connection ended");
    to += done;
    bytes -= (size_t)done;
  }
}

static void dial(const char *host, const char *port) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
  if (getaddrinfo(host, port, &hints, &found) != 0) die("no such host");
  for (struct addrinfo *one = found; one != NULL; one = one->ai_next) {
    fd = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
    if (fd < 0) continue;
    if (connect(fd, one->ai_addr, one->ai_addrlen) == 0) {
      freeaddrinfo(found);
      return;
    }
    close(fd);
  }
  die("cannot connect");
}

/* --- WebSocket --- */

static void random_bytes(uint8_t *to, size_t bytes) {
  FILE *source = fopen("/dev/urandom", "rb");
  if (source == NULL || fread(to, 1, bytes, source) != bytes) die("no random bytes");
  fclose(source);
}

static void base64(char *to, const uint8_t *from, size_t bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes; i += 3) {
    uint32_t three = (uint32_t)from[i] << 16;
    if (i + 1 < bytes) three |= (uint32_t)from[i + 1] << 8;
    if (i + 2 < bytes) three |= from[i + 2];
    *to++ = digits[three >> 18];
    *to++ = digits[three >> 12 & 63];
    *to++ = i + 1 < bytes ? digits[three >> 6 & 63] : '=';
    *to++ = i + 2 < bytes ? digits[three & 63] : '=';
  }
  *to = '\0';
}

static uint32_t rotate(uint32_t word, int by) { return word << by | word >> (32 - by); }

/* SHA-1 (RFC 3174) of up to 119 bytes: enough for the proof that the server read our key. */
static void sha1(uint8_t digest[20], const char *text) {
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  uint8_t data[128] = {0};
  size_t length = strlen(text), blocks = (length + 9 + 63) / 64;
  memcpy(data, text, length);
  data[length] = 0x80;
  for (int i = 0; i < 8; i++) data[blocks * 64 - 1 - (size_t)i] = (uint8_t)(length * 8 >> (8 * i));
  for (size_t block = 0; block < blocks; block++) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int t = 0; t < 16; t++) {
      const uint8_t *at = data + block * 64 + t * 4;
      w[t] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    }
    for (int t = 16; t < 80; t++) w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    for (int t = 0; t < 80; t++) {
      uint32_t f, k;
      if (t < 20) f = (b & c) | (~b & d), k = 0x5a827999;
      else if (t < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
      else if (t < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
      else f = b ^ c ^ d, k = 0xca62c1d6;
      uint32_t next = rotate(a, 5) + f + e + k + w[t];
      e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void shake_hands(const char *host, const char *port) {
  uint8_t key[16], digest[20];
  char text[32], proof[80], wanted[64], answer[4096];
  random_bytes(key, sizeof key);
  base64(text, key, sizeof key);
  dprintf(fd,
          "GET /v1/uv HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
          "Sec-WebSocket-Protocol: uvmem.v1.bin\r\n\r\n",
          host, port, text);
  size_t length = 0;
  do {
    if (length == sizeof answer - 1) die("the answer to the upgrade is too long");
    read_all((uint8_t *)answer + length++, 1);
    answer[length] = '\0';
  } while (length < 4 || strcmp(answer + length - 4, "\r\n\r\n") != 0);
  if (strncmp(answer, "HTTP/1.1 101", 12) != 0) die(answer);
  if (strstr(answer, "Sec-WebSocket-Protocol: uvmem.v1.bin\r\n") == NULL) die("another protocol");
  snprintf(proof, sizeof proof, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", text);
  sha1(digest, proof);
  base64(wanted, digest, sizeof digest);
  if (strstr(answer, wanted) == NULL) die("the server did not read our key");
}

/* Sends one message, or a control frame; clients mask what they send. */
static void send_ws(uint8_t opcode, const uint8_t *payload, size_t bytes) {
  uint8_t head[14] = {(uint8_t)(0x80 | opcode)};
  size_t length = 2;
  if (bytes < 126) {
    head[1] = (uint8_t)(0x80 | bytes);
  } else if (bytes < 65536) {
    head[1] = 0x80 | 126;
    for (; length < 4; length++) head[length] = (uint8_t)(bytes >> (8 * (3 - length)));
  } else {
    head[1] = 0x80 | 127;
    for (; length < 10; length++) head[length] = (uint8_t)((uint64_t)bytes >> (8 * (9 - length)));
  }
  uint8_t *mask = head + length;
  random_bytes(mask, 4);
  uint8_t *masked = malloc(bytes == 0 ? 1 : bytes);
  if (masked == NULL) die("no memory");
  for (size_t i = 0; i < bytes; i++) masked[i] = payload[i] ^ mask[i % 4];
  write_all(head, length + 4);
  write_all(masked, bytes);
  free(masked);
}

/* Reads one message into `to`; answers pings. 0: the server closed. Every frame has bytes here. */
static size_t receive_ws(uint8_t *to, int *close_code) {
  size_t length = 0;
  for (;;) {
    uint8_t head[2], more[8];
    read_all(head, 2);
    uint64_t bytes = head[1] & 0x7f;
    if (bytes >= 126) {
      int digits = bytes == 126 ? 2 : 8;
      read_all(more, (size_t)digits);
      bytes = 0;
      for (int i = 0; i < digits; i++) bytes = bytes << 8 | more[i];
    }
    if (length + bytes > MESSAGE_MAX) die("a message is too long");
    read_all(to + length, (size_t)bytes);
    uint8_t opcode = head[0] & 0x0f;
    if (opcode == 9) {
      send_ws(10, to + length, (size_t)bytes);
    } else if (opcode == 8) {
      *close_code = bytes >= 2 ? to[length] << 8 | to[length + 1] : 1005;
      return 0;
    } else if (opcode == 1) {
      die("a text message");
    } else if (opcode != 10) {
      length += (size_t)bytes;
      if (head[0] & 0x80) return length;
    }
  }
}

/* --- Frames --- */

static size_t body_bytes(const uint8_t *frame) {
  if (frame[0] == CALL) return CALL_BYTES;
  if (frame[0] == ANSWER) return ANSWER_BYTES;
  if (frame[0] == ERROR) return ERROR_BYTES + padded(get(frame + 20, 2) + get(frame + 22, 2));
  die("a frame of no known kind");
  return 0;
}

static size_t payload_bytes(const uint8_t *frame) {
  switch (frame[1]) {
    case NONE: return 0;
    case TAG: return 8;
    case PAGE: return PAGE_BYTES;
    case BYTES: return 8 + padded(get(frame + body_bytes(frame), 4));
    default: die("a payload of no known kind"); return 0;
  }
}

static void put_header(uint8_t *frame, int kind, uint16_t lpid, uint32_t id, uint32_t call) {
  put(frame, 1, (uint64_t)kind);
  put(frame + 2, 2, lpid);
  put(frame + 4, 4, id);
  put(frame + 12, 4, call);
}

static void answer_call(const uint8_t *call, int64_t ret) {
  uint8_t frame[ANSWER_BYTES] = {0};
  put_header(frame, ANSWER, 0, (uint32_t)get(call + 4, 4), (uint32_t)get(call + 12, 4));
  put(frame + 16, 8, (uint64_t)ret);
  send_ws(2, frame, sizeof frame);
}

/* FNV-1a: shows that every byte of a page is here. */
static uint32_t fnv(const uint8_t *at, size_t bytes) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ at[i]) * 16777619u;
  return hash;
}

/* Serves an ultracall of the hypervisor. */
static void serve(const uint8_t *frame) {
  unsigned long long r[5];
  uint32_t call = (uint32_t)get(frame + 12, 4);
  uint32_t parent = (uint32_t)get(frame + 8, 4);
  for (int i = 0; i < 5; i++) r[i] = get(frame + 16 + 8 * i, 8);
  if (call == UV_REGISTER_MEM_SLOT) {
    printf("served UV_REGISTER_MEM_SLOT start_gpa=0x%llx size=0x%llx slotid=%llu parent=%u\n", r[0],
           r[1], r[3], parent);
  } else if (call == UV_PAGE_IN) {
    printf("served UV_PAGE_IN gpa=0x%llx order=%llu payload=%d fnv=%08x parent=%u\n", r[1], r[3],
           frame[1], fnv(frame + CALL_BYTES, payload_bytes(frame)), parent);
  } else {
    printf("served %x parent=%u\n", call, parent);
  }
  answer_call(frame, 0);
}

/* Serves whatever comes until call `id` is answered; the answer's frame is in `answer`. */
static void wait_for(uint32_t id, uint8_t *answer, size_t size) {
  static uint8_t message[MESSAGE_MAX];
  for (int found = 0; !found;) {
    int code = 0;
    size_t length = receive_ws(message, &code);
    if (length == 0) {
      printf("closed %d\n", code);
      exit(1);
    }
    for (size_t at = 0; at < length;) {
      const uint8_t *frame = message + at;
      if (length - at < HEADER_BYTES || length - at < body_bytes(frame)) die("a frame is cut short");
      size_t bytes = body_bytes(frame) + payload_bytes(frame);
      if (frame[0] == CALL) {
        serve(frame);
      } else if (get(frame + 4, 4) == id) {
        if (bytes > size) die("an answer is too long");
        memcpy(answer, frame, bytes);
        found = 1;
      }
      at += bytes;
    }
  }
}

/* Makes a call, with counted bytes when there are some; returns the frame of its answer. */
static const uint8_t *call(uint32_t number, uint16_t lpid, const uint64_t registers[4],
                           const char *bytes) {
  static uint8_t answer[1024];
  uint8_t frame[512] = {0};
  uint32_t id = next_id++;
  size_t length = CALL_BYTES;
  put_header(frame, CALL, lpid, id, number);
  for (int i = 0; i < 4; i++) put(frame + 16 + 8 * i, 8, registers[i]);
  if (bytes != NULL) {
    size_t count = strlen(bytes);
    frame[1] = BYTES;
    put(frame + CALL_BYTES, 4, count);
    memcpy(frame + CALL_BYTES + 8, bytes, count);
    length += 8 + padded(count);
  }
  send_ws(2, frame, length);
  wait_for(id, answer, sizeof answer);
  if (answer[0] == ERROR) {
    printf("error %d %.*s\n", (int)(int32_t)get(answer + 16, 4), (int)get(answer + 20, 2),
           (const char *)answer + ERROR_BYTES);
    exit(1);
  }
  return answer;
}

static void hypercall(const char *name, uint32_t number, uint16_t lpid, uint64_t r4, uint64_t r5,
                      uint64_t r6, uint64_t r7) {
  const uint64_t registers[4] = {r4, r5, r6, r7};
  const uint8_t *answer = call(number, lpid, registers, NULL);
  printf("%s ret=%lld\n", name, (long long)(int64_t)get(answer + 16, 8));
}

static void open_session(const char *name) {
  const uint64_t registers[4] = {strlen(name), 0, 0, 0};
  const uint8_t *answer = call(SESSION_OPEN, 0, registers, name);
  const uint8_t *facts = answer + ANSWER_BYTES + 8;
  size_t session = get(facts + 4, 2), token = get(facts + 6, 2), profile = get(facts + 8, 2);
  printf("SESSION_OPEN ret=%lld session=%.*s token_bytes=%zu profile=%.*s page_shift=%u pool_pages=%llu\n",
         (long long)(int64_t)get(answer + 16, 8), (int)session, (const char *)facts + 16, token,
         (int)profile, (const char *)facts + 16 + session + token, (unsigned)get(facts, 4),
         (unsigned long long)get(answer + 24, 8));
}

int main(int count, char **arguments) {
  if (count != 4) die("usage: uvmem-client HOST PORT LPID");
  uint16_t lpid = (uint16_t)atoi(arguments[3]);
  dial(arguments[1], arguments[2]);
  shake_hands(arguments[1], arguments[2]);
  open_session("a C program");
  hypercall("UV_REGISTER_MEM_SLOT", UV_REGISTER_MEM_SLOT, lpid, 0x100000000, 0x100000, 0, 1);
  hypercall("H_SVM_INIT_START", H_SVM_INIT_START, lpid, 0, 0, 0, 0);
  hypercall("H_SVM_PAGE_IN", H_SVM_PAGE_IN, lpid, 0x10000, 0, 16, 0);
  hypercall("H_SVM_PAGE_IN again", H_SVM_PAGE_IN, lpid, 0x10000, 0, 16, 0);
  hypercall("H_SVM_INIT_DONE", H_SVM_INIT_DONE, lpid, 0, 0, 0, 0);
  const uint8_t goodbye[2] = {1000 >> 8, 1000 & 0xff};
  send_ws(8, goodbye, sizeof goodbye);
  static uint8_t rest[MESSAGE_MAX];
  int code = 0;
  while (receive_ws(rest, &code) != 0) continue;
  printf("closed %d\n", code);
  close(fd);
  return code == 1000 ? 0 : 1;
}

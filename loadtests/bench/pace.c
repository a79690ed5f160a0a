/* The load generator with a timetable: real dialogs at a rate that is given, every reply checked.
 *
 *   pace PORT CONNECTIONS RATE WARM_S SECONDS FIRST DIALOGS PLAN
 *
 * Requests are due at moments drawn in advance (a Poisson process of RATE a second) whatever the server
 * does. A reply's latency counts from the moment its request was due, not from when it could be sent: so a
 * server that stops for a while is charged for everybody who would have called in that time, which clients
 * that wait for the reply before they ask again leave out. With RATE 0 a request is due as soon as a
 * connection is free: the top rate.
 *
 * A connection carries one request at a time, and the free ones take turns. DIALOGS dialogs wait for their
 * phone's next input; a new one is begun when fewer do. Each reply must be, byte for byte, the screen its own
 * dialog has to see next. PLAN is written by paced.py: lengths are four bytes, least first.
 *
 * Said at the end, as name=value: right, wrong; elapsed: seconds from the beginning to the last reply;
 * in_time: the right ones within SECONDS, after WARM_S; the latencies of what was due in SECONDS; lag: how
 * late this program itself sent what could have been sent.
 *
 * Written for Linux: epoll and timerfd. Nothing here depends on the engine.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { DIGITS = 8, REPLY_MOST = 8192, REQUEST_MOST = 4096, EVENTS = 256, HISTOGRAM = 32 * 128 };
static const uint64_t LOST_NS = 10000000000ULL; /* how long the last replies are waited for */
/* What comes due in this time is sent together, late: waking for each would take the core that Redis shares. */
static const uint64_t TICK_NS = 100000ULL;

typedef struct { const char *at; uint32_t length; } Bytes;
typedef struct { Bytes head, phone, tail, expect; } Turn; /* head, number, phone, number, tail */
typedef struct { Turn *turns; uint32_t count; } Script;
typedef struct { uint32_t number, turn; } Dialog;
typedef struct { int fd, busy; Dialog dialog; uint64_t due; uint32_t got; char in[REPLY_MOST]; } Connection;
typedef struct { uint64_t *items; uint64_t head, tail, room; } Queue; /* grows; room is a power of two */

static Script *scripts;
static uint32_t script_count, next_number, dialogs_wanted;
static Connection *connections;
static Queue idle, waiting, overdue; /* free connections, dialogs between two turns, moments not yet served */
static uint64_t latencies[HISTOGRAM], lags[HISTOGRAM];
static uint64_t right, wrong, in_time, count_from, count_to, in_flight, last_reply;
static char example[512];
static int poll_fd, port;

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void *room_for(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) die("memory");
    return memory;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

static int is_empty(const Queue *queue) { return queue->head == queue->tail; }

static uint64_t length_of(const Queue *queue) { return queue->tail - queue->head; }

static void push(Queue *queue, uint64_t item) {
    if (length_of(queue) == queue->room) {
        uint64_t room = queue->room ? queue->room * 2 : 1024;
        uint64_t *items = room_for(room, sizeof *items);
        for (uint64_t at = queue->head; at != queue->tail; at++)
            items[at & (room - 1)] = queue->items[at & (queue->room - 1)];
        free(queue->items);
        queue->items = items;
        queue->room = room;
    }
    queue->items[queue->tail++ & (queue->room - 1)] = item;
}

static uint64_t pop(Queue *queue) { return queue->items[queue->head++ & (queue->room - 1)]; }

/* Microseconds by their power of two and 128 steps within it: exact below 128, within 0.8 % above. */
static uint32_t bucket_of(uint64_t us) {
    if (us < 128) return (uint32_t)us;
    uint32_t power = 63 - (uint32_t)__builtin_clzll(us);
    uint32_t bucket = (power - 6) * 128 + (uint32_t)((us >> (power - 7)) & 127);
    return bucket < HISTOGRAM ? bucket : HISTOGRAM - 1;
}

static uint64_t at_share(const uint64_t *histogram, double share) {
    uint64_t total = 0, seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM; i++) total += histogram[i];
    for (uint32_t i = 0; i < HISTOGRAM; i++) {
        seen += histogram[i];
        if (total && seen >= (uint64_t)ceil(share * (double)total))
            return i < 128 ? i : (uint64_t)(128 + i % 128) << (i / 128 - 1);
    }
    return 0;
}

/* When the next request after this moment is due. */
static uint64_t after(uint64_t due, double gap_ns) {
    static uint64_t state = 88172645463325252ULL; /* xorshift: the same timetable in each run */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    double uniform = ((double)(state >> 11) + 1.0) / 9007199254740993.0;
    return due + (uint64_t)(-log(uniform) * gap_ns);
}

static void open_connection(Connection *connection) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0) die("socket");
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address)) die("connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)(connection - connections)};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, connection->fd, &event)) die("epoll_ctl");
    connection->busy = 0;
    connection->got = 0;
}

static Turn *turn_of(Dialog dialog) {
    return &scripts[dialog.number % script_count].turns[dialog.turn];
}

static void refuse(const char *got, const Turn *turn) {
    wrong++;
    if (!example[0])
        snprintf(example, sizeof example, "wanted %.*s, got %.250s", (int)turn->expect.length,
                 turn->expect.at, got);
}

/* The server closed: wrong when a reply was owed, else it is only opened again. */
static void reopen(Connection *connection) {
    close(connection->fd);
    if (connection->busy) {
        refuse("a closed connection", turn_of(connection->dialog));
        in_flight--;
        push(&idle, (uint64_t)(connection - connections));
    }
    open_connection(connection);
}

static char *put(char *to, Bytes bytes) {
    memcpy(to, bytes.at, bytes.length);
    return to + bytes.length;
}

static char *put_number(char *to, uint32_t number) {
    for (int at = DIGITS - 1; at >= 0; at--, number /= 10) to[at] = (char)('0' + number % 10);
    return to + DIGITS;
}

/* Send the next turn of the dialog that has waited longest, or the first of a new one. */
static void ask(Connection *connection, uint64_t due) {
    char request[REQUEST_MOST], *end = request;
    Dialog dialog = {next_number, 0};
    if (!is_empty(&waiting) && length_of(&waiting) >= dialogs_wanted) {
        uint64_t packed = pop(&waiting);
        dialog = (Dialog){(uint32_t)(packed >> 32), (uint32_t)packed};
    } else {
        next_number++;
    }
    Turn *turn = turn_of(dialog);
    end = put_number(put(end, turn->head), dialog.number % 100000000);
    end = put_number(put(end, turn->phone), dialog.number % 100000000);
    end = put(end, turn->tail);
    connection->dialog = dialog;
    connection->due = due;
    connection->busy = 1;
    in_flight++;
    ssize_t length = end - request;
    if (send(connection->fd, request, (size_t)length, MSG_NOSIGNAL) != length) reopen(connection);
}

/* The length of the reply's head and body; 0 while the head is not complete. */
static uint32_t reply_length(const Connection *connection, const char **body) {
    const char *end = memmem(connection->in, connection->got, "\r\n\r\n", 4);
    if (!end) return 0;
    const char *field = strcasestr(connection->in, "\r\ncontent-length:");
    if (!field || field > end) {
        fprintf(stderr, "a reply without Content-Length:\n%.300s\n", connection->in);
        exit(1);
    }
    *body = end + 4;
    return (uint32_t)(end + 4 - connection->in) + (uint32_t)strtoul(field + 17, NULL, 10);
}

static void judge(Connection *connection, const char *body, uint32_t length, uint64_t moment) {
    Turn *turn = turn_of(connection->dialog);
    uint32_t head = (uint32_t)(body - connection->in);
    int good = connection->got == length && length - head == turn->expect.length &&
               !memcmp(body, turn->expect.at, turn->expect.length) &&
               !strncmp(connection->in, "HTTP/1.1 200", 12);
    if (!good) {
        refuse(connection->in, turn);
        return;
    }
    right++;
    in_time += moment >= count_from && moment < count_to;
    Dialog next = {connection->dialog.number, connection->dialog.turn + 1};
    if (next.turn < scripts[next.number % script_count].count)
        push(&waiting, (uint64_t)next.number << 32 | next.turn);
}

static void hear(Connection *connection) {
    char *free_from = connection->in + connection->got;
    ssize_t count = recv(connection->fd, free_from, REPLY_MOST - 1 - connection->got, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        reopen(connection);
        return;
    }
    connection->got += (uint32_t)count;
    connection->in[connection->got] = 0;
    const char *body = NULL;
    uint32_t length = reply_length(connection, &body);
    if (!length || connection->got < length) return;
    uint64_t moment = now();
    if (connection->due >= count_from) latencies[bucket_of((moment - connection->due) / 1000)]++;
    last_reply = moment;
    judge(connection, body, length, moment);
    connection->got = 0;
    connection->busy = 0;
    in_flight--;
    push(&idle, (uint64_t)(connection - connections));
}

static void wake_at(int timer, uint64_t moment) {
    static uint64_t set;
    if (set == moment) return;
    set = moment;
    struct itimerspec when = {.it_value = {(time_t)(moment / 1000000000ULL), (long)(moment % 1000000000ULL)}};
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL)) die("timerfd_settime");
}

/* Serve all that is due at this moment; gives the moment when something is due next. */
static uint64_t serve_due(uint64_t moment, uint64_t due, uint64_t end, double gap_ns) {
    if (gap_ns == 0) {
        while (moment < end && !is_empty(&idle)) ask(&connections[pop(&idle)], moment);
        return end;
    }
    while (!is_empty(&overdue) && !is_empty(&idle)) ask(&connections[pop(&idle)], pop(&overdue));
    for (; due <= moment && due < end; due = after(due, gap_ns)) {
        if (is_empty(&idle)) {
            push(&overdue, due);
            continue;
        }
        if (due >= count_from) lags[bucket_of((moment - due) / 1000)]++;
        ask(&connections[pop(&idle)], due);
    }
    return due;
}

/* Until the end, and then until the last reply or LOST_NS; a reply that never comes is wrong. */
static void drive(uint64_t end, double gap_ns) {
    struct epoll_event events[EVENTS];
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
    if (timer < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer, &event)) die("timer");
    uint64_t moment = now(), due = gap_ns == 0 ? moment : after(moment, gap_ns);
    while (moment < end || in_flight || !is_empty(&overdue)) {
        due = serve_due(moment, due, end, gap_ns);
        uint64_t next = moment < end ? (due < end ? due : end) : end + LOST_NS;
        if (moment >= end + LOST_NS) break;
        wake_at(timer, next > moment + TICK_NS ? next : moment + TICK_NS);
        int count = epoll_wait(poll_fd, events, EVENTS, -1);
        if (count < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < count; i++) {
            uint64_t expirations;
            if (events[i].data.u64 != UINT64_MAX)
                hear(&connections[events[i].data.u64]);
            else if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
                die("timer");
        }
        moment = now();
    }
    uint64_t unanswered = in_flight + length_of(&overdue);
    wrong += unanswered;
    if (unanswered && !example[0])
        snprintf(example, sizeof example, "%llu requests were not answered", (unsigned long long)unanswered);
}

static uint32_t take(FILE *file) {
    unsigned char raw[4];
    if (fread(raw, 1, 4, file) != 4) die("the plan");
    return (uint32_t)raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 | (uint32_t)raw[3] << 24;
}

static Bytes take_bytes(FILE *file) {
    uint32_t length = take(file);
    char *at = room_for(length + 1, 1);
    if (fread(at, 1, length, file) != length) die("the plan");
    return (Bytes){at, length};
}

static void read_plan(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    script_count = take(file);
    scripts = room_for(script_count, sizeof *scripts);
    for (uint32_t i = 0; i < script_count; i++) {
        scripts[i].count = take(file);
        scripts[i].turns = room_for(scripts[i].count, sizeof *scripts[i].turns);
        for (uint32_t j = 0; j < scripts[i].count; j++) {
            Turn *turn = &scripts[i].turns[j];
            turn->head = take_bytes(file);
            turn->phone = take_bytes(file);
            turn->tail = take_bytes(file);
            turn->expect = take_bytes(file);
            if (turn->head.length + turn->phone.length + turn->tail.length + 2 * DIGITS > REQUEST_MOST) {
                fprintf(stderr, "a request of the plan is longer than %d bytes\n", REQUEST_MOST);
                exit(1);
            }
        }
    }
    fclose(file);
}

static void report(double elapsed) {
    for (char *at = example; *at; at++) *at = *at == '\n' || *at == '\r' ? '|' : *at;
    printf("right=%llu\nwrong=%llu\nin_time=%llu\nelapsed=%.6f\n", (unsigned long long)right,
           (unsigned long long)wrong, (unsigned long long)in_time, elapsed);
    printf("p50_us=%llu\np90_us=%llu\np99_us=%llu\np999_us=%llu\nmax_us=%llu\nlag_p99_us=%llu\nexample=%s\n",
           (unsigned long long)at_share(latencies, 0.5), (unsigned long long)at_share(latencies, 0.9),
           (unsigned long long)at_share(latencies, 0.99), (unsigned long long)at_share(latencies, 0.999),
           (unsigned long long)at_share(latencies, 1.0), (unsigned long long)at_share(lags, 0.99), example);
}

int main(int count, char **words) {
    if (count != 9) {
        fprintf(stderr, "usage: pace PORT CONNECTIONS RATE WARM_S SECONDS FIRST DIALOGS PLAN\n");
        return 2;
    }
    uint32_t wanted = (uint32_t)strtoul(words[2], NULL, 10);
    double rate = strtod(words[3], NULL), warm_s = strtod(words[4], NULL), seconds = strtod(words[5], NULL);
    port = atoi(words[1]);
    next_number = (uint32_t)strtoul(words[6], NULL, 10);
    dialogs_wanted = (uint32_t)strtoul(words[7], NULL, 10);
    read_plan(words[8]);
    prctl(PR_SET_TIMERSLACK, 1000UL); /* wake within a microsecond, not fifty */
    poll_fd = epoll_create1(0);
    connections = room_for(wanted, sizeof *connections);
    for (uint32_t i = 0; i < wanted; i++) {
        open_connection(&connections[i]);
        push(&idle, i);
    }
    uint64_t began = now(), end = began + (uint64_t)((warm_s + seconds) * 1e9);
    count_from = began + (uint64_t)(warm_s * 1e9);
    count_to = end;
    drive(end, rate > 0 ? 1e9 / rate : 0);
    report((double)((last_reply > began ? last_reply : end) - began) / 1e9);
    return 0;
}

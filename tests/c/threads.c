/* Calls the core from many threads at once, for ThreadSanitizer to watch: a team works on a job
   while another thread reads its progress or cancels it; meanwhile others change the instruction
   set and make keystreams. Fails if values differ. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastinit.h"

#define TEAM 7
#define OWNERS 3
#define ROUNDS 6
#define FILLS 5
#define ELEMENTS (1 << 18)

static const uint8_t key[16] = {3, 1, 4, 1, 5, 9};
static float expected[FILLS][ELEMENTS];
static uint8_t expected_bytes[1000];
static atomic_int failures, finished;

/* Runs, a reversed run, a transposition and a slice by steps of one logical tensor. */
static void describe(fastinit_fill fills[FILLS], float out[FILLS][ELEMENTS])
{
    for (int i = 0; i < FILLS; i++) {
        fastinit_fill *const fill = &fills[i];
        memset(fill, 0, sizeof *fill);
        fill->data = out[i];
        fill->dtype = FASTINIT_FLOAT32;
        fill->dimensions = 2;
        fill->shape[0] = ELEMENTS / 512;
        fill->shape[1] = 512;
        fill->strides[0] = 512 * sizeof(float);
        fill->strides[1] = sizeof(float);
        fill->logical_strides[0] = 512;
        fill->logical_strides[1] = 1;
        memcpy(fill->key, key, sizeof key);
        fill->distribution = i == 4 ? FASTINIT_UNIFORM : FASTINIT_NORMAL;
        fill->parameters[1] = 1;
    }
    fills[1].data = out[1] + ELEMENTS - 512;
    fills[1].strides[0] = -fills[1].strides[0];
    fills[2].strides[0] = sizeof(float);
    fills[2].strides[1] = ELEMENTS / 512 * sizeof(float);
    fills[3].logical_strides[1] = 3;
    fills[3].logical_strides[0] = 3 * 512;
}

/* Makes bytes of the keystream in the calling thread. */
static void make_bits(uint8_t *out, size_t count)
{
    fastinit_fill fill = {.data = out, .dtype = FASTINIT_UINT8, .dimensions = 1, .first = 77};
    fill.shape[0] = (int64_t)count;
    fill.strides[0] = fill.logical_strides[0] = 1;
    memcpy(fill.key, key, sizeof key);
    fill.distribution = FASTINIT_BITS;
    fastinit_job *const job = fastinit_job_new(&fill, 1);
    while (fastinit_job_work(job, 1))
        ;
    fastinit_job_free(job);
}

static void *work(void *job)
{
    while (fastinit_job_work(job, 1e-4))
        ;
    return NULL;
}

static void *watch(void *argument)
{
    fastinit_job *const job = argument;
    const uint64_t total = fastinit_job_total(job);
    uint64_t done = 0;
    for (int i = 0; i < 1000 && done < total; i++) {
        const uint64_t now = fastinit_job_done(job);
        if (now < done || now > total)
            failures++;
        done = now;
    }
    return NULL;
}

static void *cancel(void *job)
{
    while (fastinit_job_done(job) < fastinit_job_total(job) / 4)
        ;
    fastinit_job_cancel(job);
    return NULL;
}

static void *own_jobs(void *unused)
{
    float(*const out)[ELEMENTS] = malloc(FILLS * sizeof *out);
    for (int round = 0; round < ROUNDS; round++) {
        const int is_cancelled = round % 3 == 2;
        fastinit_fill fills[FILLS];
        pthread_t team[TEAM], other;
        describe(fills, out);
        fastinit_job *const job = fastinit_job_new(fills, FILLS);
        for (int i = 0; i < TEAM; i++)
            pthread_create(&team[i], NULL, work, job);
        pthread_create(&other, NULL, is_cancelled ? cancel : watch, job);
        work(job);
        for (int i = 0; i < TEAM; i++)
            pthread_join(team[i], NULL);
        pthread_join(other, NULL);
        if (!is_cancelled && (fastinit_job_done(job) != fastinit_job_total(job) ||
                              memcmp(out, expected, sizeof expected) != 0))
            failures++;
        fastinit_job_free(job);
    }
    free(out);
    return unused;
}

static void *choose(void *unused)
{
    while (!finished)
        for (size_t i = 0; i < fastinit_isa_count(); i++) {
            uint8_t bytes[sizeof expected_bytes];
            if (fastinit_choose_isa(fastinit_isa_name(i)) != 0)
                failures++;
            make_bits(bytes, sizeof bytes);
            if (memcmp(bytes, expected_bytes, sizeof bytes) != 0)
                failures++;
        }
    return unused;
}

int main(void)
{
    fastinit_fill fills[FILLS];
    pthread_t owners[OWNERS], choosers[2];
    describe(fills, expected);
    fastinit_job *const job = fastinit_job_new(fills, FILLS);
    work(job);
    fastinit_job_free(job);
    make_bits(expected_bytes, sizeof expected_bytes);
    for (int i = 0; i < 2; i++)
        pthread_create(&choosers[i], NULL, choose, NULL);
    for (int i = 0; i < OWNERS; i++)
        pthread_create(&owners[i], NULL, own_jobs, NULL);
    for (int i = 0; i < OWNERS; i++)
        pthread_join(owners[i], NULL);
    finished = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(choosers[i], NULL);
    printf("%d jobs by %d threads each, %d failures\n", OWNERS * ROUNDS, TEAM + 1, failures);
    return failures != 0;
}

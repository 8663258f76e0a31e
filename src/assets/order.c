/*
 * order.c - Tarjan's algorithm for strongly connected components ("Depth-first search and linear
 * graph algorithms", 1972), with its own stack instead of recursion. It gives both things that
 * hashing needs: an order in which everything comes behind what it names, and who names each other
 * in a circle.
 */
#include "assets/assets_internal.h"

#include "base/memory.h"

typedef struct tarjan {
    const perfopt__graph *graph;
    size_t *index; /* when the node was reached, 0 = not yet */
    size_t *low;   /* the earliest node on the stack that it leads to */
    size_t *next;  /* its next edge */
    size_t *path;  /* from the root to the current node */
    size_t *stack; /* nodes without a group */
    size_t path_length;
    size_t stack_length;
    size_t reached;
    size_t ordered;
    size_t *order;
    size_t *group;
} tarjan;

static void reach(tarjan *t, size_t node)
{
    t->index[node] = t->low[node] = ++t->reached;
    t->next[node] = t->graph->offsets[node];
    t->path[t->path_length++] = node;
    t->stack[t->stack_length++] = node;
}

/* The node has no more edges: if it leads to nothing earlier, what lies above it is its group. */
static void leave(tarjan *t, size_t node)
{
    t->path_length--;
    if (t->path_length > 0) {
        size_t parent = t->path[t->path_length - 1];
        if (t->low[node] < t->low[parent])
            t->low[parent] = t->low[node];
    }
    if (t->low[node] != t->index[node])
        return;
    size_t member;
    do {
        member = t->stack[--t->stack_length];
        t->group[member] = node;
        t->low[member] = SIZE_MAX; /* off the stack: no longer a shortcut for others */
        t->order[t->ordered++] = member;
    } while (member != node);
}

static void explore(tarjan *t, size_t root)
{
    reach(t, root);
    while (t->path_length > 0) {
        size_t node = t->path[t->path_length - 1];
        if (t->next[node] == t->graph->offsets[node + 1]) {
            leave(t, node);
            continue;
        }
        size_t target = t->graph->edges[t->next[node]++];
        if (t->index[target] == 0)
            reach(t, target);
        else if (t->low[target] != SIZE_MAX && t->index[target] < t->low[node])
            t->low[node] = t->index[target];
    }
}

perfopt_status perfopt__order(const perfopt__graph *graph, size_t *order, size_t *group)
{
    size_t n = graph->nodes;
    size_t *memory = perfopt__calloc(n ? 5 * n : 1, sizeof(*memory));
    if (!memory)
        return PERFOPT_ENOMEM;
    tarjan t = {.graph = graph,
                .index = memory,
                .low = memory + n,
                .next = memory + 2 * n,
                .path = memory + 3 * n,
                .stack = memory + 4 * n,
                .order = order,
                .group = group};
    for (size_t i = 0; i < n; i++) {
        if (t.index[i] == 0)
            explore(&t, i);
    }
    perfopt__free(memory);
    return PERFOPT_OK;
}

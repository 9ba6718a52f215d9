/* A stand-in for libipopt: hands the callbacks it was given to whoever asks, and solves by the real library.
 *
 * PyOptInterface shows its derivative code only to Ipopt's C interface. With this library in Ipopt's
 * place a benchmark calls exactly the functions that Ipopt would call, with nothing in between.
 * Until ForwardTo has been called IpoptSolve only listens; afterwards every call goes to the real Ipopt.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

struct Heard {
    int n, m, jacobian_entries, hessian_entries, index_style;
    void *objective, *constraints, *gradient, *jacobian, *hessian;
    void *user_data;
};

static struct Heard heard;
static void *library = NULL;

bool ForwardTo(const char *path)
{
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return library != NULL;
}

struct Heard *HeardProblem(void) { return &heard; }

void *CreateIpoptProblem(int n, double *x_lower, double *x_upper, int m, double *g_lower, double *g_upper,
                         int jacobian_entries, int hessian_entries, int index_style, void *objective,
                         void *constraints, void *gradient, void *jacobian, void *hessian)
{
    if (library) {
        void *(*create)(int, double *, double *, int, double *, double *, int, int, int, void *, void *, void *,
                        void *, void *) = dlsym(library, "CreateIpoptProblem");
        return create(n, x_lower, x_upper, m, g_lower, g_upper, jacobian_entries, hessian_entries, index_style,
                      objective, constraints, gradient, jacobian, hessian);
    }
    heard = (struct Heard){n, m, jacobian_entries, hessian_entries, index_style,
                           objective, constraints, gradient, jacobian, hessian, NULL};
    return &heard;
}

int IpoptSolve(void *problem, double *x, double *g, double *value, double *multipliers, double *z_lower,
               double *z_upper, void *user_data)
{
    if (library) {
        int (*solve)(void *, double *, double *, double *, double *, double *, double *, void *) =
            dlsym(library, "IpoptSolve");
        return solve(problem, x, g, value, multipliers, z_lower, z_upper, user_data);
    }
    heard.user_data = user_data;
    return 0;
}

void FreeIpoptProblem(void *problem)
{
    /* The problem that was only listened to is no Ipopt object: the real library must not free it. */
    if (library && problem != &heard)
        ((void (*)(void *))dlsym(library, "FreeIpoptProblem"))(problem);
}

bool AddIpoptStrOption(void *problem, char *name, char *value)
{
    return library ? ((bool (*)(void *, char *, char *))dlsym(library, "AddIpoptStrOption"))(problem, name, value)
                   : true;
}

bool AddIpoptNumOption(void *problem, char *name, double value)
{
    return library ? ((bool (*)(void *, char *, double))dlsym(library, "AddIpoptNumOption"))(problem, name, value)
                   : true;
}

bool AddIpoptIntOption(void *problem, char *name, int value)
{
    return library ? ((bool (*)(void *, char *, int))dlsym(library, "AddIpoptIntOption"))(problem, name, value)
                   : true;
}

bool OpenIpoptOutputFile(void *problem, char *name, int level) { return true; }
bool SetIpoptProblemScaling(void *problem, double objective, double *x, double *g) { return true; }
bool SetIntermediateCallback(void *problem, void *callback) { return true; }

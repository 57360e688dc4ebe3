/* The CPU time of a server: what its rate would be measured by if the machine
 * had nothing else to do. */
#ifndef CPU_H
#define CPU_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/* Of one thread, in seconds. */
static inline double cpu_of_thread(const char *pid, const char *thread)
{
	unsigned long long ns = 0;
	char path[600];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, thread);
	file = fopen(path, "r");
	if (file && fscanf(file, "%llu", &ns) != 1)
		ns = 0;
	if (file)
		fclose(file);
	return (double)ns / 1e9;
}

static inline double cpu_of(const char *pid);

/* Of the processes that a thread has forked, as long as they live. */
static inline double cpu_of_children(const char *pid, const char *thread)
{
	char path[600];
	char child[32];
	double sum = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%s/task/%s/children", pid, thread);
	file = fopen(path, "r");
	while (file && fscanf(file, "%31s", child) == 1)
		sum += cpu_of(child);
	if (file)
		fclose(file);
	return sum;
}

/* All threads of pid and its children, in seconds. */
static inline double cpu_of(const char *pid)
{
	double sum = 0;
	char path[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%s/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		sum += cpu_of_thread(pid, entry->d_name);
		sum += cpu_of_children(pid, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return sum;
}

#endif

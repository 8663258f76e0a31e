/*
 * print_settings.c - prints the settings' table of docs/configuration.md from the code's own table.
 */
#include <perfopt/perfopt.h>
#include <stdio.h>

int main(void)
{
    size_t count;
    const perfopt_setting *settings = perfopt_settings(&count);
    puts("| variable | field | default | what |\n|---|---|---|---|");
    for (size_t i = 0; i < count; i++)
        printf("| `%s` | `%s` | %s | %s |\n", settings[i].variable, settings[i].field,
               settings[i].fallback, settings[i].description);
    return 0;
}

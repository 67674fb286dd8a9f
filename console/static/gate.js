// What to do when the server no longer knows who this is: a desk goes to the login, a wall stays.
export const gate = { shut: () => location.assign("/login") };

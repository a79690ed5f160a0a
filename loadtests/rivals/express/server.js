'use strict';

// Express with ussd-menu-builder and ioredis: the dialogs of the bench as this library's users write them.
//
// A menu object for each request, with its states: the one shared object of the library's README keeps the
// request in its own fields, so two dialogs at once get each other's replies, or none. The session (amount,
// purpose, language) is a hash in Redis behind sessionConfig. The library finds its state by walking the
// whole cumulative text at each turn, and asks the session again on the way; that is left as it is.
//
// Left out: idempotent retries, a comparison of revisions, a check of the form, logs, metrics. A wrong choice
// after the amount ends the dialog: the library would run the screen again with that choice as its amount.
//
// Started as: node server.js PORT REDIS_SOCKET

const express = require('express');
const Redis = require('ioredis');
const UssdMenu = require('ussd-menu-builder');

const [, , PORT, REDIS_SOCKET] = process.argv;
const TTL_S = 180;
const START = UssdMenu.START_STATE;
const PURPOSES = { 1: 'emergency', 2: 'business', 3: 'education' };
const MONTHS = { 1: 2, 2: 3 };
const redis = new Redis(REDIS_SOCKET);

const BACK = { en: '0:Back 00:Home', sw: '0:Rudi 00:Mwanzo' };
const TEXTS = {
    en: {
        main: () => 'Welcome to the bench.\n1. Apply for a loan\n2. Rates\n3. Kiswahili',
        amount: () => `How much do you need? KES 500 to 15,000:\n${BACK.en}`,
        refused: () => 'From KES 500 to KES 15,000.\n',
        purpose: (kes) => `What are ${kes} for?\n1. Emergency\n2. Business\n3. Education\n${BACK.en}`,
        month: (kes, why) => `${kes} for one month (${why}).\n1. I agree\n2. No\n${BACK.en}`,
        months: (kes) => `${kes}: pay back in how many months?\n1. Two\n2. Three\n${BACK.en}`,
        agree: (kes, why, months) => `${kes} for ${months} months (${why}).\n1. I agree\n2. No\n${BACK.en}`,
        rates: () => `15 % a month. No other cost.\n1. Apply for a loan\n${BACK.en}`,
        done: (kes) => `Thank you. ${kes} are on their way.`,
        stopped: () => 'Nothing was sent. Goodbye.',
        wrong: () => 'Nothing was sent. Please dial again.',
    },
    sw: {
        main: () => 'Karibu.\n1. Omba mkopo\n2. Riba\n3. Kiswahili',
        amount: () => `Unahitaji kiasi gani? KES 500 hadi 15,000:\n${BACK.sw}`,
        refused: () => 'Kuanzia KES 500 hadi KES 15,000.\n',
        purpose: (kes) => `${kes} ni za nini?\n1. Dharura\n2. Biashara\n3. Elimu\n${BACK.sw}`,
        month: (kes, why) => `${kes} kwa mwezi mmoja (${why}).\n1. Nakubali\n2. Hapana\n${BACK.sw}`,
        months: (kes) => `${kes}: utalipa kwa miezi mingapi?\n1. Miwili\n2. Mitatu\n${BACK.sw}`,
        agree: (kes, why, months) => `${kes} kwa miezi ${months} (${why}).\n1. Nakubali\n2. Hapana\n${BACK.sw}`,
        rates: () => `15 % kwa mwezi. Hakuna gharama nyingine.\n1. Omba mkopo\n${BACK.sw}`,
        done: (kes) => `Asante. ${kes} ziko njiani.`,
        stopped: () => 'Hakuna kilichotumwa. Kwaheri.',
        wrong: () => 'Hakuna kilichotumwa. Tafadhali piga tena.',
    },
};

const number = (typed) => Number(typed.replaceAll(',', ''));
const grouped = new Intl.NumberFormat('en-US');
const kes = (amount) => `KES ${grouped.format(amount)}`;

function withSession(menu) {
    const key = (id) => `express:${id}`;
    menu.sessionConfig({
        start: (id) => redis.pipeline().hset(key(id), 'seen', Date.now()).expire(key(id), TTL_S).exec(),
        set: (id, name, value) => redis.hset(key(id), name, value),
        get: (id, name) => redis.hget(key(id), name),
        end: (id) => redis.del(key(id)),
    });
    return menu;
}

function build() {
    const menu = withSession(new UssdMenu());
    const texts = async () => TEXTS[(await menu.session.get('language')) || 'en'];
    const home = async () => ((await menu.session.get('language')) === 'sw' ? 'swahili' : START);
    const size = async () => (Number(await menu.session.get('amount')) > 5000 ? 'months' : 'month');
    const checked = () => {
        const amount = number(menu.val);
        return amount >= 500 && amount <= 15000 ? 'purpose' : 'refused';
    };
    const typedAmount = { '*^[1-9][0-9,]*$': checked, 0: home, '00': home };

    menu.startState({
        run: () => menu.con(TEXTS.en.main()),
        next: { 1: 'amount', 2: 'rates', 3: 'swahili' },
    });
    menu.state('swahili', {
        run: async () => {
            await menu.session.set('language', 'sw');
            menu.con(TEXTS.sw.main());
        },
        next: { 1: 'amount', 2: 'rates', 3: 'swahili' },
    });
    menu.state('rates', {
        run: async () => menu.con((await texts()).rates()),
        next: { 0: home, '00': home, 1: 'amount' },
    });
    menu.state('amount', {
        run: async () => menu.con((await texts()).amount()),
        next: typedAmount,
        defaultNext: 'refused',
    });
    menu.state('refused', {
        run: async () => {
            const say = await texts();
            menu.con(say.refused() + say.amount());
        },
        next: typedAmount,
    });
    menu.state('purpose', {
        run: async () => {
            const amount = number(menu.val);
            await menu.session.set('amount', amount);
            menu.con((await texts()).purpose(kes(amount)));
        },
        next: { 0: 'amount', '00': home, 1: size, 2: size, 3: size },
        defaultNext: 'wrong',
    });
    menu.state('month', {
        run: async () => {
            const why = PURPOSES[menu.val];
            await menu.session.set('purpose', why);
            menu.con((await texts()).month(kes(await menu.session.get('amount')), why));
        },
        next: { 0: 'amount', '00': home, 1: 'done', 2: 'stopped' },
        defaultNext: 'wrong',
    });
    menu.state('months', {
        run: async () => {
            await menu.session.set('purpose', PURPOSES[menu.val]);
            menu.con((await texts()).months(kes(await menu.session.get('amount'))));
        },
        next: { 0: 'amount', '00': home, 1: 'agree', 2: 'agree' },
        defaultNext: 'wrong',
    });
    menu.state('agree', {
        run: async () => {
            const amount = kes(await menu.session.get('amount'));
            const why = await menu.session.get('purpose');
            menu.con((await texts()).agree(amount, why, MONTHS[menu.val]));
        },
        next: { 0: 'months', '00': home, 1: 'done', 2: 'stopped' },
        defaultNext: 'wrong',
    });
    menu.state('done', {
        run: async () => menu.end((await texts()).done(kes(await menu.session.get('amount')))),
    });
    menu.state('wrong', { run: async () => menu.end((await texts()).wrong()) });
    menu.state('stopped', { run: async () => menu.end((await texts()).stopped()) });
    return menu;
}

const app = express();
app.use(express.urlencoded({ extended: false }));
app.post('/api/v1/ussd', async (request, response) => {
    const { phoneNumber, serviceCode, sessionId, text } = request.body;
    const reply = await build().run({ phoneNumber, serviceCode, sessionId, text });
    response.type('text/plain').send(reply);
});
app.listen(Number(PORT), '127.0.0.1', 1024);
